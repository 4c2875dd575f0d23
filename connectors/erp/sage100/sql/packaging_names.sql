SELECT c.cbIndice, c.P_Conditionnement
FROM P_CONDITIONNEMENT c
WHERE c.P_Conditionnement <> ''
ORDER BY c.cbIndice
