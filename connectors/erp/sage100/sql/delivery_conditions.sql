SELECT c.cbIndice, c.C_Intitule
FROM P_CONDLIVR c
WHERE c.C_Intitule <> ''
ORDER BY c.cbIndice
