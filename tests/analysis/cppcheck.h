/* For cppcheck, which does not read the system's headers: a loop of json-c's. */
#define lh_foreach(table, entry) for (entry = lh_table_head(table); entry; entry = lh_entry_next(entry))
