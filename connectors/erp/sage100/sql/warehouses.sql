SELECT d.DE_No, d.DE_Intitule, d.DE_Principal, d.DE_Exclure
FROM F_DEPOT d
ORDER BY d.DE_No
