SELECT t.AR_Ref
FROM F_ARTCOMPTA t
WHERE t.cbModification >= ?
GROUP BY t.AR_Ref
