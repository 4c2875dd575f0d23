SELECT e.DO_NoWeb
FROM F_DOCLIGNE l
INNER JOIN F_DOCENTETE e ON e.DO_Type = l.DO_Type AND e.DO_Piece = l.DO_Piece
WHERE l.DO_Domaine = 0 AND e.DO_NoWeb <> ''
