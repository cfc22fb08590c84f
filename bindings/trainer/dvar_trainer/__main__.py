from dvar_trainer import main

main()
