SELECT t.cbIndice, t.CT_Intitule, t.CT_PrixTTC
FROM P_CATTARIF t
WHERE t.CT_Intitule <> ''
ORDER BY t.cbIndice
