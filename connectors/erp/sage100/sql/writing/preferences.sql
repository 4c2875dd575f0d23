SELECT p.CG_NumCli, p.DE_No, p.N_Reglement
FROM P_PREFERENCES p
