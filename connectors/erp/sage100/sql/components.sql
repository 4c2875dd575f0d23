SELECT n.cbMarq, n.AR_Ref, n.NO_RefDet, n.NO_Qte, n.AG_No1, n.AG_No2, n.AG_No1Comp, n.AG_No2Comp
FROM F_NOMENCLAT n
WHERE n.AR_Ref IN (?)
ORDER BY n.AR_Ref, n.NO_Ordre
