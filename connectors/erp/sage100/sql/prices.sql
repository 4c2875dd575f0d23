SELECT p.cbMarq, p.AR_Ref, p.AC_PrixVen, p.AC_Coef, p.AC_PrixTTC, p.AC_Remise, p.AC_TypeRem, p.AC_QteMont, p.AC_PrixDev, p.AC_Devise, p.AC_PrixVenNouv, p.AC_CoefNouv, p.AC_PrixDevNouv, p.AC_RemiseNouv, p.AC_DateApplication
FROM F_ARTCLIENT p
WHERE p.AC_Categorie = ? AND p.CT_Num IS NULL AND p.AR_Ref IN (?)
ORDER BY p.cbMarq
