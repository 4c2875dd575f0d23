SELECT g.cbMarq, g.AR_Ref, g.AG_No, g.AG_Type, g.EG_Enumere
FROM F_ARTGAMME g
WHERE g.AR_Ref IN (?)
ORDER BY g.AG_Type, g.AG_No
