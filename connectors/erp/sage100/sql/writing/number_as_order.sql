SELECT l.DL_PieceBC
FROM F_DOCLIGNE l
WHERE l.DO_Domaine = 0 AND l.DL_PieceBC = ?
