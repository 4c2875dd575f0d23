SELECT e.cbIndice, e.E_Intitule, e.AR_Ref
FROM P_EXPEDITION e
WHERE e.E_Intitule <> ''
ORDER BY e.cbIndice
