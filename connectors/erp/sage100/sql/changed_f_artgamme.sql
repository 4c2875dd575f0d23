SELECT t.AR_Ref
FROM F_ARTGAMME t
WHERE t.cbModification >= ?
GROUP BY t.AR_Ref
