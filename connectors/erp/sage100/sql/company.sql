SELECT d.D_RaisonSoc, d.N_DeviseCompte
FROM P_DOSSIER d
