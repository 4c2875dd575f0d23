SELECT r.DR_Date, r.DR_Pourcent, r.DR_Montant, r.DR_Equil, r.N_Reglement
FROM F_DOCREGL r
WHERE r.DO_Domaine = 0 AND r.DO_Type = ? AND r.DO_Piece = ? AND r.DR_TypeRegl = 2
ORDER BY r.DR_No
