SELECT r.cbIndice, r.R_Intitule, r.R_Code
FROM P_REGLEMENT r
WHERE r.R_Intitule <> ''
ORDER BY r.cbIndice
