SELECT s.AR_Ref, s.AG_No1, s.AG_No2, SUM(s.GS_QteSto) AS qte_sto, SUM(s.GS_QteRes) AS qte_res, SUM(s.GS_QteCom) AS qte_com, SUM(s.GS_QtePrepa) AS qte_prepa, SUM(s.GS_QteAControler) AS qte_acontroler
FROM F_GAMSTOCK s
WHERE s.DE_No IN (?) AND s.AR_Ref IN (?)
GROUP BY s.AR_Ref, s.AG_No1, s.AG_No2
