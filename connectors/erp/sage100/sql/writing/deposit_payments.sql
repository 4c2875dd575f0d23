SELECT e.RG_No, e.DR_No, p.JO_Num, p.RG_Reference, p.RG_Compta
FROM F_REGLECH e
INNER JOIN F_CREGLEMENT p ON p.RG_No = e.RG_No
WHERE e.DO_Domaine = 0 AND e.DO_Type = ? AND e.DO_Piece = ?
ORDER BY e.RG_No
