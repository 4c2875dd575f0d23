SELECT s.cbIndice, s.S_Intitule, s.JO_Num
FROM P_SOUCHEVENTE s
WHERE s.S_Valide = 1
ORDER BY s.cbIndice
