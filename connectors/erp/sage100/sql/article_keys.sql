SELECT a.cbMarq, a.AR_Ref
FROM F_ARTICLE a
WHERE a.cbMarq > ? AND a.cbMarq <= ?
ORDER BY a.cbMarq
