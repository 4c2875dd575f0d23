SELECT t.TA_Code, t.TA_Intitule, t.TA_Taux, t.TA_TTaux, t.TA_Type, t.TA_Sens
FROM F_TAXE t
ORDER BY t.cbMarq
