SELECT l.AR_Ref, l.AG_No1, l.AG_No2, l.DO_DateLivr, e.DO_DateLivr AS livr_piece
FROM F_DOCLIGNE l
INNER JOIN F_DOCENTETE e ON e.DO_Type = l.DO_Type AND e.DO_Piece = l.DO_Piece
WHERE l.DO_Domaine = 1 AND l.DO_Type IN (11, 12) AND l.DL_Qte > 0 AND l.DE_No IN (?) AND l.AR_Ref IN (?)
GROUP BY l.AR_Ref, l.AG_No1, l.AG_No2, l.DO_DateLivr, e.DO_DateLivr
