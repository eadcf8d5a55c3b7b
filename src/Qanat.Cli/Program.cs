using Qanat.Cli;

return await QanatCommand.RunAsync(args, Console.In, Console.Out, Console.Error, CancellationToken.None);
