SELECT l.CB_Name, l.CB_Type, l.CB_Len, l.CB_Pos
FROM cbSysLibre l
WHERE l.CB_File = ? AND l.CB_Type <> 0
ORDER BY l.CB_Pos
