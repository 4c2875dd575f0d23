SELECT m.cbMarq, m.AR_Ref, m.ME_Commentaire, m.ME_Fichier
FROM F_ARTICLEMEDIA m
WHERE m.AR_Ref IN (?)
ORDER BY m.cbMarq
