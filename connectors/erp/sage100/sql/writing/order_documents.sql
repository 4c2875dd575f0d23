SELECT l.DO_Type, l.DO_Piece
FROM F_DOCLIGNE l
WHERE l.DO_Domaine = 0 AND l.DL_PieceBC = ?
ORDER BY l.cbMarq
