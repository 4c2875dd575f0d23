SELECT COUNT(*) AS documents
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_NoWeb <> ''
