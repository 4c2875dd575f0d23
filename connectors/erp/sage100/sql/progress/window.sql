SELECT e.cbMarq, e.DO_NoWeb, e.DO_Type, e.DO_Provenance
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_NoWeb <> '' AND e.cbMarq > ? AND e.cbMarq <= ?
ORDER BY e.cbMarq
