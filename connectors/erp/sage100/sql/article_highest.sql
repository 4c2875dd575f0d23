SELECT MAX(a.cbMarq) AS highest
FROM F_ARTICLE a
