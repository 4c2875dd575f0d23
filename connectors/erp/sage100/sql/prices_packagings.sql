SELECT p.AR_Ref, p.CO_No, p.TC_Prix, p.TC_PrixNouv
FROM F_TARIFCOND p
WHERE p.TC_RefCF = ? AND p.AR_Ref IN (?)
