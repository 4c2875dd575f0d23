SELECT MIN(e.cbMarq) AS following
FROM F_DOCENTETE e
WHERE e.DO_Domaine = 0 AND e.DO_NoWeb <> '' AND e.cbMarq > ?
