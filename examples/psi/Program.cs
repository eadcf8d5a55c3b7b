return await Psi.PsiCommand.InvokeAsync(args);
