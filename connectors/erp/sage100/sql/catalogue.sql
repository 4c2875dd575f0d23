SELECT c.cbMarq, c.CL_No, c.CL_NoParent, c.CL_Niveau, c.CL_Intitule, c.CL_Code
FROM F_CATALOGUE c
ORDER BY c.CL_Niveau, c.CL_No
