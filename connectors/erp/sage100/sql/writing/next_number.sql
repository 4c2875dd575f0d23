SELECT c.DC_Piece
FROM F_DOCCURRENTPIECE c
WHERE c.DC_Domaine = 0 AND c.DC_IdCol = ? AND c.DC_Souche = ?
