SELECT s.AR_Ref, SUM(s.AS_QteSto) AS qte_sto, SUM(s.AS_QteRes) AS qte_res, SUM(s.AS_QteCom) AS qte_com, SUM(s.AS_QtePrepa) AS qte_prepa, SUM(s.AS_QteAControler) AS qte_acontroler
FROM F_ARTSTOCK s
WHERE s.DE_No IN (?) AND s.AR_Ref IN (?)
GROUP BY s.AR_Ref
