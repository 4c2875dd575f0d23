SELECT l.LI_No, l.LI_Intitule, l.LI_Contact, l.LI_Adresse, l.LI_Complement, l.LI_CodePostal, l.LI_Ville, l.LI_CodeRegion, l.LI_Pays, l.LI_Telephone, l.LI_EMail, l.LI_Principal
FROM F_LIVRAISON l
WHERE l.CT_Num = ?
ORDER BY l.LI_No
