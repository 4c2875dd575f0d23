SELECT t.AR_Ref
FROM F_ARTENUMREF t
WHERE t.cbModification >= ?
GROUP BY t.AR_Ref
