SELECT p.PA_Intitule, p.PA_CodeISO2, p.PA_Code
FROM F_PAYS p
ORDER BY p.cbMarq
