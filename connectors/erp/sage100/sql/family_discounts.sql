SELECT f.FA_CodeFamille, f.FT_Remise, f.FT_TypeRem, f.FT_QteMont
FROM F_FAMTARIF f
WHERE f.FT_Categorie = ?
