SELECT p.AR_Ref, p.AG_No1, p.AG_No2, p.TG_Prix, p.TG_PrixNouv
FROM F_TARIFGAM p
WHERE p.TG_RefCF = ? AND p.AR_Ref IN (?)
