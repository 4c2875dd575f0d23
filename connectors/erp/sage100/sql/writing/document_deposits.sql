SELECT r.DR_No, r.DR_Libelle, r.DR_Montant, r.DR_MontantDev, r.DR_Date, r.N_Reglement
FROM F_DOCREGL r
WHERE r.DO_Domaine = 0 AND r.DO_Type = ? AND r.DO_Piece = ? AND r.DR_TypeRegl = 0
ORDER BY r.DR_No
