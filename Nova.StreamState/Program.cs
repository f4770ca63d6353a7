using Nova.ServiceDefaults;
using Nova.StreamState;

return NovaService.Run(args, builder => builder.AddStreamState(), app => app.MapStreamState());
