SELECT t.AR_Ref
FROM F_CONDITION t
WHERE t.cbModification >= ?
GROUP BY t.AR_Ref
