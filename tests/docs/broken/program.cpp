int in_the_program();
int in_the_program_too();
