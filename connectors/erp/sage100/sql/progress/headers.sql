SELECT e.cbMarq, e.DO_NoWeb, e.DO_Type, e.DO_Piece, e.DO_Provenance, e.DO_Expedit, e.DO_DateLivr
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_NoWeb IN (?)
ORDER BY e.cbMarq
