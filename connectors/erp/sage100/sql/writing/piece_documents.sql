SELECT e.DO_Type, e.DO_Piece, e.DO_Provenance
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_Piece = ?
ORDER BY e.cbMarq
