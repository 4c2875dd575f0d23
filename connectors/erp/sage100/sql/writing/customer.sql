SELECT c.CT_Num, c.CT_Type, c.CT_Intitule, c.CG_NumPrinc, c.CT_NumPayeur, c.CT_NumCentrale, c.CT_Sommeil, c.CT_ControlEnc, c.CT_Langue, c.CT_Facture, c.CT_BLFact, c.N_Expedition, c.N_Condition, c.N_CatTarif, c.N_CatCompta, c.N_Period, c.CO_No, c.DE_No
FROM F_COMPTET c
WHERE c.CT_Num = ?
