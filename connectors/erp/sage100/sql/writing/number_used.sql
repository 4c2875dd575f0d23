SELECT e.DO_Piece
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_Type IN (?) AND e.DO_Piece = ?
