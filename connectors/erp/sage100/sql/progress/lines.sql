SELECT l.DO_Type, l.DO_Piece, l.AR_Ref, l.DL_Qte, l.DL_NoColis
FROM F_DOCLIGNE l
WHERE l.DO_Domaine = 0 AND l.DO_Piece IN (?)
ORDER BY l.cbMarq
