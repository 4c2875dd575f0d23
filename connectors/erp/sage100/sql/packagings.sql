SELECT c.cbMarq, c.AR_Ref, c.CO_No, c.EC_Enumere, c.EC_Quantite, c.CO_Ref, c.CO_CodeBarre, c.CO_Principal
FROM F_CONDITION c
WHERE c.AR_Ref IN (?)
ORDER BY c.EC_Quantite, c.CO_No
