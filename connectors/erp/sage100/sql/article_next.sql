SELECT MIN(a.cbMarq) AS lowest
FROM F_ARTICLE a
WHERE a.cbMarq > ?
