# Writes what PROGRAM ARGUMENTS prints to OUTPUT, with the defaults of anybody's home folder, not of the one who builds.
set(ENV{HOME} "~")
unset(ENV{XDG_DATA_HOME})
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} OUTPUT_FILE ${OUTPUT}.new COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${OUTPUT}.new ${OUTPUT})
