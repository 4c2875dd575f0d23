SELECT d.cbIndice, d.D_Intitule, d.D_CodeISO, d.D_Cours, d.D_Mode, d.D_Euro
FROM P_DEVISE d
WHERE d.D_Intitule <> ''
ORDER BY d.cbIndice
