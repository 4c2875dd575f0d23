SELECT j.JO_Num, j.JO_Intitule
FROM F_JOURNAUX j
WHERE j.JO_Sommeil = 0 AND j.JO_Reglement = 1
ORDER BY j.JO_Num
