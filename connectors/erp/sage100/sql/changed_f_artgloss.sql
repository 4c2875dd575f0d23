SELECT t.AR_Ref
FROM F_ARTGLOSS t
WHERE t.cbModification >= ?
GROUP BY t.AR_Ref
